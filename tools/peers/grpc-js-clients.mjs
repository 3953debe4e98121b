// Foreign xDS clients on grpc-js over Node's own HTTP/2, any number of them, for src/xds/grpc-many.peer.test.ts. Each
// asks for all clusters and the endpoints of each, incrementally. Arguments and output are those of
// tools/peers/go-control-plane/clients. Messages are read and written by hand: see Clients.java for their fields.

import { createInterface } from 'node:readline';
import grpc from '@grpc/grpc-js';

const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const clusterType = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const endpointType = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';

const flags = new Map();
for (let at = 2; at < process.argv.length; at += 2) flags.set(process.argv[at], process.argv[at + 1]);
const [streams, connections, clusters] = ['-streams', '-connections', '-clusters'].map((name) =>
  Number(flags.get(name)),
);
const started = performance.now();
let complete = 0;
let expected = '';
const changed = new Set();

function varint(value) {
  const bytes = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

function field(number, value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function* fields(bytes) {
  let at = 0;
  const read = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = read();
    const length = read();
    yield [tag >> 3, bytes.subarray(at, at + length)];
    at += length;
  }
}

function request(typeUrl, names, nonce, node) {
  return Buffer.concat([
    ...(node === '' ? [] : [field(1, field(1, node))]),
    field(2, typeUrl),
    ...names.map((name) => field(3, name)),
    ...(nonce === '' ? [] : [field(6, nonce)]),
  ]);
}

function run(number, client) {
  const same = (bytes) => bytes;
  const stream = client.makeBidiStreamRequest(path, same, same, new grpc.Metadata());
  const [ofClusters, ofEndpoints] = [new Set(), new Set()];
  let told = false;
  stream.on('error', (error) => console.log(`broken ${number} ${error.message}`));
  stream.on('end', () => console.log(`broken ${number} ended`));
  stream.on('data', (message) => {
    let [typeUrl, nonce] = ['', ''];
    const names = [];
    for (const [which, bytes] of fields(message)) {
      if (which === 4) typeUrl = bytes.toString();
      else if (which === 5) nonce = bytes.toString();
      else if (which === 2)
        for (const [inner, name] of fields(bytes)) if (inner === 3) names.push(name.toString());
    }
    if (typeUrl === clusterType) {
      const more = names.filter((name) => !name.startsWith('inbound:') && !ofClusters.has(name));
      for (const name of more) ofClusters.add(name);
      if (more.length > 0) stream.write(request(endpointType, more, '', ''));
    } else if (typeUrl === endpointType) for (const name of names) ofEndpoints.add(name);
    stream.write(request(typeUrl, [], nonce, ''));
    if (!told && ofClusters.size >= clusters && ofEndpoints.size >= clusters) {
      told = true;
      complete += 1;
      if (complete === streams) console.log(`complete ${streams} ${Math.round(performance.now() - started)}`);
    }
    if (expected !== '' && typeUrl.endsWith(`.${expected}`) && !changed.has(number)) {
      changed.add(number);
      if (changed.size === streams) console.log(`changed ${expected} ${streams}`);
    }
  });
  stream.write(request(clusterType, ['*'], '', `sidecar~js-${number}.bank`));
}

const clients = Array.from(
  { length: connections },
  (_, index) =>
    new grpc.Client(flags.get('-address'), grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': 64 << 20,
      // A connection of its own.
      'grpc.use_local_subchannel_pool': 1,
      'client.number': index,
    }),
);
for (let number = 0; number < streams; number++) run(number, clients[number % connections]);
createInterface({ input: process.stdin }).on('line', (line) => {
  const [word, type] = line.split(' ');
  if (word !== 'expect') return;
  expected = type;
  changed.clear();
  console.log(`expecting ${expected}`);
});
