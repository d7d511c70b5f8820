import { html } from 'ghtml'
import { pictureUrl } from '../../public/static/shared/picture.js'
import type { CatalogItem } from '../clients/catalog.ts'
import type { ForumUser } from '../clients/forum.ts'
import { textField } from './field.ts'
import { ITEM_FIELDS, type ItemField } from './item-form.ts'

/** The book's page shows four items and four users. The script shows all items. */
const MAX_SHOWN = 4

/** The form that adds an item, as the browser sent it. */
export interface ItemForm {
  values?: Record<string, string>
  /** a message for each invalid field, by name */
  errors?: Partial<Record<string, string>>
  /** what is wrong with the form as a whole */
  failure?: string
  /** the pod that added the item */
  addedBy?: string
}

/** The catalog's items, and the form that adds one. */
export function store (items: CatalogItem[] | undefined, form: ItemForm): string {
  return html`<section class="panel store" aria-labelledby="catalog">
      <div class="panel-head">
        <h2 id="catalog">Catalog</h2>
        <div class="shelves live" role="group" aria-label="Pod whose items are shown"></div>
      </div>
      <div class="shelf">!${items === undefined ? unavailable('catalog') : cards(items)}</div>
      <form class="item-form" method="post" action="./#catalog" aria-labelledby="add">
        <h3 id="add">Add an item</h3>
        <div class="fields">
          !${ITEM_FIELDS.map(field => itemField(field, form))}
        </div>
        <p class="form-foot">
          <button class="primary">Add</button>
          <span class="form-note !${form.failure === undefined ? '' : 'error'}" role="status">${note(form)}</span>
        </p>
      </form>
    </section>`
}

function note ({ failure, addedBy }: ItemForm): string {
  if (failure !== undefined) return failure
  return addedBy === undefined ? '' : `Added in pod ${addedBy}. Each pod keeps its own items.`
}

function itemField (field: ItemField, { values = {}, errors = {} }: ItemForm): string {
  const { name, label, required, maxLength, pattern, hint, inputMode, problem } = field
  const attributes = {
    name,
    maxlength: maxLength,
    value: values[name] ?? '',
    autocomplete: 'off',
    'data-problem': problem,
    required,
    pattern,
    inputmode: inputMode
  }
  return textField({ id: `item-${name}`, label, hint, error: errors[name], attributes })
}

function cards (items: CatalogItem[]): string {
  return html`<ul class="cards">!${items.slice(0, MAX_SHOWN).map(card)}</ul>`
}

function card ({ name, color, department, price, imageUrl }: CatalogItem): string {
  return html`
        <li class="card">
          !${picture(imageUrl)}
          <h3>${name}</h3>
          <p class="kind">${[color, department].filter(Boolean).join(' · ')}</p>
          <p class="price">${price}</p>
        </li>`
}

function picture (imageUrl: string | undefined): string {
  if (imageUrl === undefined) return '<span class="no-picture"></span>'
  return html`<img src="${pictureUrl(imageUrl)}" alt="" width="640" height="480">`
}

/** The forum's users. */
export function forum (users: ForumUser[] | undefined): string {
  return html`<section class="panel forum" aria-labelledby="forum">
      <h2 id="forum">Forum</h2>
      !${users === undefined ? unavailable('forum') : userList(users)}
    </section>`
}

function userList (users: ForumUser[]): string {
  return html`<ul class="users">!${users.slice(0, MAX_SHOWN).map(user)}</ul>`
}

function user ({ name, email, company }: ForumUser): string {
  return html`
        <li><strong>${textOf(name)}</strong><span>${textOf(company?.name)}</span><span>${textOf(email)}</span></li>`
}

/** A property of a user as text. It is empty if the forum sent anything other than a text. */
const textOf = (value: unknown) => typeof value === 'string' ? value : ''

function unavailable (service: string): string {
  return html`<p class="unavailable">The ${service} service is currently not available.</p>`
}
