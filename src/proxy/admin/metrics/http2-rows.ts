// What the HTTP/2 codecs count, under Envoy's names: `http2.` of all listeners together, `cluster.NAME.http2.` of each
// cluster. A name of Envoy's stands for several of ours where Weft tells more apart.

import type { MetricType } from '../../../observe/index.ts';
import {
  type Http2Counts,
  type Http2EventName,
  type Http2FaultName,
  http2Event,
  http2FaultNames,
} from '../../../wire/http2/index.ts';

export interface Http2Row {
  /** Behind `http2_`. */
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly value: (counts: Http2Counts) => number;
}

export const http2Rows: readonly Http2Row[] = [
  fromEvent('goaway_sent', 'GOAWAY frames sent.', 'goawaysSent'),
  fromFaults('header_overflow', 'Heads beyond a limit.', ['headerList', 'headerBlock']),
  fromEvent('headers_cb_no_stream', 'Heads for streams that were over.', 'headsWithoutStream'),
  fromFaults('inbound_empty_frames_flood', 'Connections ended for frames that carried nothing.', [
    'emptyFramesInRow',
    'emptyFrameRate',
  ]),
  fromFaults('inbound_priority_frames_flood', 'Connections ended for PRIORITY and unknown frames.', [
    'priorityCount',
    'ignoredRate',
  ]),
  fromFaults('inbound_window_update_frames_flood', 'Connections ended for WINDOW_UPDATE frames.', [
    'windowUpdateCount',
    'windowUpdateRate',
  ]),
  fromEvent('keepalive_timeout', 'Connections ended because a PING was not answered.', 'keepaliveTimeouts'),
  fromFaults('outbound_control_flood', 'Connections ended for unread answers to control frames.', [
    'outboundControlFrames',
    'controlBytes',
  ]),
  fromFaults('outbound_flood', 'Connections ended for unread frames.', ['outboundFrames', 'queuedBytes']),
  fromFaults('rx_messaging_error', 'Messages that broke section 8 of RFC 9113.', [
    'fieldName',
    'fieldValue',
    'pseudoOrder',
    'pseudoUnknown',
    'pseudoRepeated',
    'pseudoMissing',
    'pseudoValue',
    'hopField',
    'authorityDiffers',
    'connectUnsupported',
    'lengthInvalid',
    'lengthDiffers',
    'trailersOpen',
    'responseMissing',
  ]),
  fromEvent('rx_reset', 'Streams that the peer reset.', 'resetsReceived'),
  fromEvent('stream_refused_errors', 'Streams that the peer did not look at.', 'streamsRefused'),
  fromEvent('trailers', 'Trailer sections received.', 'trailersReceived'),
  fromFaults('tx_flush_timeout', 'Connections ended because nothing queued was read.', ['slowRead']),
  fromEvent('tx_reset', 'Streams that we reset.', 'resetsSent'),
  { ...fromEvent('streams_active', 'Open streams.', 'streamsActive'), type: 'gauge' },
  {
    ...fromEvent('pending_send_bytes', 'Body bytes that wait for a window or the socket.', 'pendingBytes'),
    type: 'gauge',
  },
];

function fromEvent(name: string, help: string, event: Http2EventName): Http2Row {
  const index = http2Event[event];
  return { name, type: 'counter', help, value: (counts) => counts[index] ?? 0 };
}

function fromFaults(name: string, help: string, faults: readonly Http2FaultName[]): Http2Row {
  const indexes = faults.map((fault) => http2FaultNames.indexOf(fault));
  const value = (counts: Http2Counts): number =>
    indexes.reduce((sum, index) => sum + (counts[index] ?? 0), 0);
  return { name, type: 'counter', help, value };
}
