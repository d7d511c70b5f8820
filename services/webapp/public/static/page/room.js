import { byId } from './dom.js'

/** @import { Settings } from './settings.js' */

/**
 * Lets the user switch to the room view and back, with the button or the key P. Escape also leaves it. The room view
 * shows the essentials on a projector, large enough for a whole room. The style sheet does this for the class `room`.
 *
 * @param {Settings} settings the switch changes `room`
 * @param {() => void} onChange called after each change
 */
export function enableRoomView (settings, onChange) {
  const toggle = () => {
    settings.room = !settings.room
    document.documentElement.classList.toggle('room', settings.room)
    scrollTo(0, 0)
    onChange()
  }
  byId('room-view', HTMLButtonElement).addEventListener('click', toggle)
  document.addEventListener('keydown', event => {
    const { key, target, repeat, ctrlKey, altKey, metaKey } = event
    const isTyping = target instanceof Element &&
      target.matches('input:not([type=range], [type=radio]), select, textarea')
    if (isTyping || repeat || ctrlKey || altKey || metaKey) return
    if (key.toLowerCase() === 'p' || (key === 'Escape' && settings.room)) toggle()
  })
}
