import { NewCatalogItem } from '../clients/catalog.ts'

/** A field of the form by which an item is added. */
export interface ItemField {
  name: 'name' | 'price' | 'color' | 'department'
  label: string
  required: boolean
  maxLength: number
  /** as an input's `pattern` has it */
  pattern?: string
  hint?: string
  inputMode?: 'decimal'
  /** what to say beside the field when it is wrong */
  problem: string
}

const { name, color, department, price } = NewCatalogItem.properties as unknown as Record<ItemField['name'], { maxLength: number, pattern: string }>

/** The fields, with the rules of the API's own schema. */
export const ITEM_FIELDS: ItemField[] = [
  { name: 'name', label: 'Name', required: true, maxLength: name.maxLength, problem: `Give it a name, of ${name.maxLength} characters at most.` },
  // By the pattern a price has 12 characters at most; a little more room, so that a mistake is seen and not cut off.
  { name: 'price', label: 'Price', required: true, maxLength: 20, pattern: price.pattern, inputMode: 'decimal', hint: 'as in 84.00', problem: 'Give a price in figures, such as 84.00.' },
  { name: 'color', label: 'Color', required: false, maxLength: color.maxLength, problem: `At most ${color.maxLength} characters.` },
  { name: 'department', label: 'Department', required: false, maxLength: department.maxLength, problem: `At most ${department.maxLength} characters.` }
]

/** What a browser's form sends, as the API wants it: what was left empty is not there. */
export function itemOf (body: string): Record<string, string> {
  return Object.fromEntries([...new URLSearchParams(body)].map(([field, value]) => [field, value.trim()]).filter(([, value]) => value !== ''))
}
