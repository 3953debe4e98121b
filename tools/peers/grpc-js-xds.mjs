// Calls by grpc-js' own xDS client, for src/control/features.peer.test.ts: what it knows of targets comes from the server
// in its bootstrap (GRPC_XDS_BOOTSTRAP). Each line of standard input is a call as JSON, and each has one line of output,
// "answer" and JSON. Messages are bytes, so that nothing has to be generated.

import { createInterface } from 'node:readline';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { register } from '@grpc/grpc-js-xds';

register();

const same = (bytes) => bytes;
const clients = new Map();

function clientOf(host) {
  let client = clients.get(host);
  if (client === undefined) {
    client = new Client(`xds:///${host}`, credentials.createInsecure());
    clients.set(host, client);
  }
  return client;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, host, path, headers, deadlineMs } = JSON.parse(line);
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const options = { deadline: Date.now() + deadlineMs };
  clientOf(host).makeUnaryRequest(path, same, same, Buffer.alloc(0), metadata, options, (error, bytes) => {
    const said = {
      id,
      code: error?.code ?? 0,
      details: error?.details ?? '',
      body: bytes?.toString() ?? '',
    };
    console.log(`answer ${JSON.stringify(said)}`);
  });
}
process.exit(0);
