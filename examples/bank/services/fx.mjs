// Exchange rates in Node, standard library alone: the mesh does not care what a service is written in. Same routes and
// shutdown as fx.ts. Environment: HOST, PORT.

import { createServer } from 'node:http';

const rates = { GBP: 1, EUR: 1.17, USD: 1.31, JPY: 196.4, CHF: 1.06 };

function answer(path) {
  if (path === '/healthz') return [server.listening ? 200 : 503, { service: 'fx' }];
  if (path === '/rates') return [200, rates];
  const rate = rates[/^\/rates\/(\w+)$/.exec(path)?.[1]];
  return rate === undefined ? [404, { error: 'no such currency' }] : [200, { rate }];
}

const server = createServer((request, response) => {
  const [status, value] = answer(request.url);
  const body = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
});
server.keepAliveTimeout = 120_000;
server.listen(Number(process.env.PORT ?? 8080), process.env.HOST ?? '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
