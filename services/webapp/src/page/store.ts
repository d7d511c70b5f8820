import { html } from 'ghtml'
import type { CatalogItem } from '../clients/catalog.ts'
import type { ForumUser } from '../clients/forum.ts'
import { ITEM_FIELDS, type ItemField } from './item-form.ts'

/** As many as the book's page shows; the script shows all. */
const MAX_SHOWN = 4

/** The form as it was sent. */
export interface ItemForm {
  values?: Record<string, string>
  /** the fields that are wrong, each with its message */
  errors?: Partial<Record<string, string>>
  /** what is wrong with the whole */
  failure?: string
  /** the pod that has taken an item */
  addedBy?: string
}

/** The catalog as one shops in it, and the form by which an item is added. */
export function store (items: CatalogItem[] | undefined, form: ItemForm): string {
  return html`<section class="panel store" aria-labelledby="catalog">
      <div class="panel-head">
        <h2 id="catalog">Catalog</h2>
        <div class="shelves live" role="group" aria-label="Whose shelf" hidden></div>
      </div>
      <div class="shelf">!${items === undefined ? unavailable('catalog') : cards(items)}</div>
      <form class="item-form" method="post" action="./#catalog" aria-labelledby="add">
        <h3 id="add">Add an item</h3>
        <div class="fields">
          !${ITEM_FIELDS.map(field => itemField(field, form))}
        </div>
        <p class="form-foot"><button class="primary">Add</button> <span class="form-note !${form.failure === undefined ? '' : 'error'}" role="status">${note(form)}</span></p>
      </form>
    </section>`
}

function note ({ failure, addedBy }: ItemForm): string {
  if (failure !== undefined) return failure
  return addedBy === undefined ? '' : `Added, in pod ${addedBy}: each pod keeps its own items.`
}

function itemField ({ name, label, required, maxLength, pattern, hint, inputMode, problem }: ItemField, { values = {}, errors = {} }: ItemForm): string {
  const error = errors[name]
  return html`<div class="field">
            <label for="item-${name}">${label}!${hint === undefined ? '' : html` <small>${hint}</small>`}</label>
            <input id="item-${name}" name="${name}" maxlength="${maxLength}" value="${values[name] ?? ''}" autocomplete="off" data-problem="${problem}" aria-describedby="item-${name}-error"!${required ? ' required' : ''}!${pattern === undefined ? '' : html` pattern="${pattern}"`}!${inputMode === undefined ? '' : html` inputmode="${inputMode}"`}!${error === undefined ? '' : ' aria-invalid="true"'}>
            <p class="error" id="item-${name}-error">${error ?? ''}</p>
          </div>
          `
}

function cards (items: CatalogItem[]): string {
  return html`<ul class="cards">
        !${items.slice(0, MAX_SHOWN).map(({ name, color, department, price, imageUrl }) => html`<li class="card">!${picture(imageUrl)}<h3>${name}</h3><p class="kind">${[color, department].filter(Boolean).join(' · ')}</p><p class="price">${price}</p></li>
        `)}</ul>`
}

function picture (imageUrl: string | undefined): string {
  if (imageUrl === undefined) return '<span class="no-picture"></span>'
  return html`<img src="${imageUrl.replace(/^\/(?!\/)/, '')}" alt="" width="640" height="480">`
}

/** The forum's users. */
export function forum (users: ForumUser[] | undefined): string {
  return html`<section class="panel forum" aria-labelledby="forum">
      <h2 id="forum">Forum</h2>
      !${users === undefined ? unavailable('forum') : userList(users)}
    </section>`
}

function userList (users: ForumUser[]): string {
  return html`<ul class="users">
        !${users.slice(0, MAX_SHOWN).map(({ name = '', email = '', company }) => html`<li><strong>${name}</strong><span>${company?.name ?? ''}</span><span>${email}</span></li>
        `)}</ul>`
}

function unavailable (service: string): string {
  return html`<p class="unavailable">The ${service} service is currently not available.</p>`
}
