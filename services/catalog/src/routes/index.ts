import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'

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

/** `/` answers, since the book's first exercise at the edge asks for it. */
export const indexRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/', {
    schema: { tags: ['catalog'], summary: 'A page with the ways in', produces: ['text/html'], response: { 200: Type.String() } }
  }, (_request, reply) => {
    reply.type('text/html; charset=utf-8').send(PAGE)
  })
}
