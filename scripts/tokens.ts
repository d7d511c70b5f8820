// npm run tokens FOLDER: creates a key pair, and tokens (JWTs) signed with it, for the exercises with end users. Use
// them for nothing else: anyone who can read the folder can act as these users. It writes to FOLDER:
//   modulus          the modulus of the public key, as in a JSON Web Key (RFC 7518: n, where the exponent e is AQAB)
//   user.token       the token of a member of the group user
//   admin.token      the token of a member of the group admin
//   stranger.token   a token with the same claims as user.token, but signed with another key
// The tokens expire after a day.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose'

const ALGORITHM = 'RS256'
const ISSUER = 'auth@istioinaction.io'

const folder = process.argv[2]
if (folder === undefined || process.argv.length > 3) {
  console.error('usage: npm run tokens FOLDER')
  process.exit(2)
}
process.umask(0o077)
mkdirSync(folder, { recursive: true })

const ours = await generateKeyPair(ALGORITHM)
const strangers = await generateKeyPair(ALGORITHM)
const { n } = await exportJWK(ours.publicKey)

write('modulus', n as string, 'the modulus of the public key')
write('user.token', await token('user', ours.privateKey), 'the token of a user')
write('admin.token', await token('admin', ours.privateKey), 'the token of an admin')
write('stranger.token', await token('user', strangers.privateKey), 'a token signed with a stranger\'s key')

/** A token of a member of a group. The member has the name of the group. */
function token (group: string, privateKey: CryptoKey): Promise<string> {
  return new SignJWT({ group })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
    .setIssuer(ISSUER)
    .setSubject(group)
    .setIssuedAt()
    .setExpirationTime('1d')
    .sign(privateKey)
}

function write (name: string, text: string, what: string): void {
  const file = join(folder as string, name)
  writeFileSync(file, text)
  console.log(`${file}: ${what}`)
}
