import { NewCatalogItem } from '../clients/catalog.ts'

/** A field of the form that adds an item. */
export interface ItemField {
  name: 'name' | 'price' | 'color' | 'department'
  label: string
  required: boolean
  maxLength: number
  /** the input's attribute `pattern` */
  pattern?: string
  hint?: string
  inputMode?: 'decimal'
  /** the message beside the field if its value is invalid */
  problem: string
}

type Rules = Record<ItemField['name'], { maxLength: number, pattern: string }>
const { name, color, department, price } = NewCatalogItem.properties as unknown as Rules

/** The fields of the form, with the limits and patterns of the API's schema. */
export const ITEM_FIELDS: ItemField[] = [
  {
    name: 'name',
    label: 'Name',
    required: true,
    maxLength: name.maxLength,
    problem: `Enter a name of at most ${name.maxLength} characters.`
  },
  {
    name: 'price',
    label: 'Price',
    required: true,
    maxLength: 20, // the pattern allows 12; with more room, users see a mistake instead of losing characters
    pattern: price.pattern,
    inputMode: 'decimal',
    hint: 'such as 84.00',
    problem: 'Enter a price as a number, such as 84.00.'
  },
  {
    name: 'color',
    label: 'Color',
    required: false,
    maxLength: color.maxLength,
    problem: `Enter at most ${color.maxLength} characters.`
  },
  {
    name: 'department',
    label: 'Department',
    required: false,
    maxLength: department.maxLength,
    problem: `Enter at most ${department.maxLength} characters.`
  }
]

/** The body of a browser's form as an item for the API, without the fields that were left empty. */
export function itemOf (body: string): Record<string, string> {
  const fields = [...new URLSearchParams(body)].map(([field, value]) => [field, value.trim()])
  return Object.fromEntries(fields.filter(([, value]) => value !== ''))
}
