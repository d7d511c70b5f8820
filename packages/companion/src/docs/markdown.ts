const COLUMNS = 120

/** Code, a link, or anything else without a space: it stays on one line. */
const UNBROKEN = /(?:`[^`]*`|\[[^\]]*\]\([^)]*\)|\S)+/g

/** Words with which Markdown would begin a list, a heading or a quotation at the start of a line. */
const MARKUP = /^(?:[-+*>]|#+|\d+[.)])$/

/**
 * Wraps a paragraph at 120 columns.
 *
 * @param indent what the lines after the first begin with, such as the spaces below the text of a list item
 */
export function wrapped (text: string, indent = ''): string {
  const lines: string[] = []
  for (const word of wordsOf(text)) {
    const line = lines.at(-1)
    const longer = `${line} ${word}`
    const fits = longer.length <= COLUMNS || MARKUP.test(line ?? '')
    if (line !== undefined && fits) lines[lines.length - 1] = longer
    else lines.push(line === undefined ? word : indent + word)
  }
  return lines.join('\n')
}

/** The words of a text. What would be markup at the start of a line stays with the word before it. */
function wordsOf (text: string): string[] {
  const words: string[] = []
  for (const word of text.match(UNBROKEN) ?? []) {
    if (MARKUP.test(word) && words.length > 0) words.push(`${words.pop()} ${word}`)
    else words.push(word)
  }
  return words
}

/** A list with a hyphen before each item. */
export const listOf = (items: string[]) => items.map(item => wrapped(`- ${item}`, '  ')).join('\n')

/** A table: the titles of its columns, and its rows. A vertical bar in a cell is escaped. */
export function tableOf (titles: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(titles), `|${'---|'.repeat(titles.length)}`, ...rows.map(line)].join('\n')
}
