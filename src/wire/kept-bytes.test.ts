// The kept corpora of the readers of strangers' bytes; that of HTTP/2's frames is in http2/frame-sequences.test.ts.

import { describe } from 'bun:test';
import { playKept } from '../testing/kept-bytes.ts';
import clientHellos from './testdata/client-hellos.json';
import fieldBlocks from './testdata/field-blocks.json';
import proxyHeaders from './testdata/proxy-headers.json';
import requests from './testdata/requests.json';
import responses from './testdata/responses.json';
import { tellBlock, tellHello, tellProxyHeader, tellRequests, tellResponse } from './testing/tell.ts';

describe('requests of HTTP/1', () => playKept(requests, tellRequests));
describe('responses of HTTP/1', () => playKept(responses, tellResponse));
describe('field blocks of HTTP/2', () => playKept(fieldBlocks, tellBlock));
describe('PROXY headers', () => playKept(proxyHeaders, tellProxyHeader));
describe('ClientHellos', () => playKept(clientHellos, tellHello));
