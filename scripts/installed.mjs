// Installs what a command needs, then runs it: `node scripts/installed.mjs NEEDS COMMAND ARGUMENT…`.
// NEEDS is a list of workspaces (services/catalog,packages/bench), where `services` means all services; or `all`, which
// includes the development tools; or `node`, which means only Node 24.
// This file runs on the Node of the machine, which can be old. So it uses only features of Node 12, and says which Node
// to install. scripts/install.mjs does the rest, on Node 20 or newer.
const major = Number(process.versions.node.split('.')[0])

if (process.platform === 'win32') {
  stop('Outfitters runs on Linux and macOS. On Windows, install WSL 2 (wsl --install), clone the project there, ' +
    'and run npm start in it.')
} else if (major < 20) {
  stop('Outfitters needs Node 20 or newer, and this is ' + process.version + ' (' + process.execPath + '). ' +
    'Install a newer one, then try again: https://nodejs.org/en/download')
} else {
  import('./install.mjs').then(function (install) {
    return install.main(process.argv.slice(2))
  }).then(function (code) {
    process.exitCode = code
  })
}

function stop (message) {
  console.error(message)
  process.exitCode = 1
}
