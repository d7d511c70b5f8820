// Commands that set, show and delete faults from a terminal, each with a button that copies it.
import { byId, setText } from './dom.js'
import { kubectlCommands, scriptCommand } from './rule.js'

/** @import { Pod } from './seen.js' */
/** @import { Rule } from './rule.js' */

/** How long a button shows the result of its click, in milliseconds. */
const RESULT_MS = 2000

/** Makes the buttons copy their commands. */
export function enableCopyButtons () {
  for (const button of byId('terminal', HTMLElement).querySelectorAll('button')) {
    const source = byId(button.dataset['copies'] ?? '', HTMLElement)
    button.addEventListener('click', () => copy(button, source))
  }
}

/**
 * Shows the commands for these pods.
 *
 * @param {Pod[]} pods
 * @param {Rule | undefined} rule undefined if the form has errors: then no command sets it
 * @param {boolean} isWholeService whether the pods are all pods of their service
 */
export function showCommands (pods, rule, isWholeService) {
  const { namespace = '' } = byId('fault-panel', HTMLElement).dataset
  const commands = pods.map(pod => kubectlCommands(pod, namespace))
  setText('kubectl-line', rule === undefined ? '' : commands.map(({ set }) => set(rule)).join('\n'))
  setText('show-line', commands.map(({ show }) => show).join('\n'))
  setText('delete-line', commands.map(command => command.delete).join('\n'))
  const [first] = pods
  setText('script-line', rule === undefined || first === undefined
    ? ''
    : scriptCommand(rule, first.service, isWholeService ? undefined : first.pod, namespace))
}

/**
 * @param {HTMLButtonElement} button
 * @param {HTMLElement} source
 */
async function copy (button, source) {
  try {
    await navigator.clipboard.writeText(source.textContent ?? '')
    button.textContent = 'Copied'
  } catch { // without TLS, a page has no clipboard
    getSelection()?.selectAllChildren(source)
    button.textContent = 'Ctrl+C'
  }
  setTimeout(() => { button.textContent = 'Copy' }, RESULT_MS)
}
