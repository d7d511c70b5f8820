import { byId } from './dom.js'

/** @import { Settings } from './settings.js' */

/**
 * Lets the user switch to the room view and back: with the button, with the key P, and back with Escape. The room view
 * shows the essentials so large that a room can read them from a projector. The style sheet does all of that, below the
 * class `room`.
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
    const { key, target, ctrlKey, altKey, metaKey } = event
    const isTyping = target instanceof Element && target.matches('input:not([type=range]), select, textarea')
    if (isTyping || ctrlKey || altKey || metaKey) return
    if (key.toLowerCase() === 'p' || (key === 'Escape' && settings.room)) toggle()
  })
}
