import { TextBody } from '@outfitters/service-kit'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Outfitters catalog</title>
<h1>Outfitters catalog</h1>
<ul>
  <li><a href="items">items</a>
  <li><a href="docs">documentation</a>
</ul>
</html>
`

/** `GET /`: a page with links. The book's first exercise with a gateway asks for this path. */
export const homeRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/', {
    schema: {
      tags: ['catalog'],
      summary: 'A page with links to the items and the documentation',
      response: { 200: TextBody('text/html') }
    }
  }, (_request, reply) => {
    reply.type('text/html; charset=utf-8').send(PAGE)
  })
}
