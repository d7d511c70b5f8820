// The part of this machine that the tests use: the user's environment.
import { delimiter, sep } from 'node:path'

/** The environment of a user of this machine: its PATH does not have the Node and the tools of this project. */
export function machineEnv (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const path = (process.env['PATH'] ?? '').split(delimiter)
    .filter(folder => !folder.includes(`${sep}node_modules${sep}`) && !folder.includes(`${sep}.node${sep}`))
  return { ...process.env, PATH: path.join(delimiter), ...more }
}
