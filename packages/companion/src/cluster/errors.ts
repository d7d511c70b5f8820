/** Something about the machine or the cluster without which no exercise can go on: what is wrong, and what to do about it. */
export class Trouble extends Error {
  override name = 'Trouble'

  constructor (wrong: string, todo: string) {
    super(`${wrong}\n${todo}`)
  }
}
