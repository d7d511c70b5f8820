import { quoted } from '../../cluster/kubectl.ts'
import { fillPlaceholders, VALUES_BY_HAND } from '../../course/placeholders.ts'

/** The words of a command as a line of a shell, for readers who follow by hand. */
export const lineByHand = (words: string[]) =>
  words.map(word => quoted(fillPlaceholders(word, VALUES_BY_HAND))).join(' ')
