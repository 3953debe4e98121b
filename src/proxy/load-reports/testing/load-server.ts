// A management server that is told how requests went (LRS), by node:http2 and the published messages, and sums what
// each node says.

import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type {
  ClusterStats,
  EndpointLoadMetricStats,
} from '../../../xds/gen/envoy/config/endpoint/v3/load_report_pb.ts';
import {
  LoadStatsRequestSchema,
  LoadStatsResponseSchema,
} from '../../../xds/gen/envoy/service/load_stats/v3/lrs_pb.ts';
import { encodeFrame, FrameParser } from '../../../xds/index.ts';

/** What one node has said, summed, by what it is of. */
type Heard = Map<string, number>;

export class LoadServer {
  readonly heard = new Map<string, Heard>();
  readonly reports = new Map<string, number>();
  private readonly server: Http2Server = createServer();
  private readonly answer: Uint8Array;

  constructor(clusters: readonly string[]) {
    const loadReportingInterval = { seconds: 0n, nanos: 200_000_000 };
    this.answer = toBinary(
      LoadStatsResponseSchema,
      create(LoadStatsResponseSchema, {
        clusters: [...clusters],
        loadReportingInterval,
        reportEndpointGranularity: true,
      }),
    );
  }

  async start(): Promise<number> {
    this.server.on('stream', (stream: ServerHttp2Stream) => this.serve(stream));
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as { port: number }).port;
  }

  stop(): void {
    this.server.close();
  }

  private serve(stream: ServerHttp2Stream): void {
    stream.on('error', () => {});
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    const parser = new FrameParser(1_000_000);
    let told = false;
    stream.on('data', (bytes: Buffer) =>
      parser.push(bytes, (message) => {
        const { node, clusterStats } = fromBinary(LoadStatsRequestSchema, message);
        const id = node?.id ?? '';
        if (!told) stream.write(encodeFrame(this.answer));
        else this.reports.set(id, (this.reports.get(id) ?? 0) + 1);
        told = true;
        const heard = this.heard.get(id) ?? new Map<string, number>();
        this.heard.set(id, heard);
        for (const stats of clusterStats) add(heard, stats);
      }),
    );
  }
}

function add(heard: Heard, stats: ClusterStats): void {
  const count = (what: string, value: bigint) => {
    const key = `${stats.clusterName} ${what}`;
    const sum = (heard.get(key) ?? 0) + Number(value);
    heard.set(key, sum);
  };
  const interval = stats.loadReportInterval;
  count('has an interval', interval === undefined || interval.seconds > 5n ? 0n : 1n);
  count('dropped', stats.totalDroppedRequests);
  for (const { category, droppedCount } of stats.droppedRequests) count(`drops ${category}`, droppedCount);
  for (const locality of stats.upstreamLocalityStats) {
    const { region, zone, subZone } = locality.locality ?? {};
    const of = `${region}/${zone}/${subZone} ${locality.priority}`;
    count(`${of} issued`, locality.totalIssuedRequests);
    count(`${of} ok`, locality.totalSuccessfulRequests);
    count(`${of} error`, locality.totalErrorRequests);
    countMetrics(heard, `${stats.clusterName} ${of}`, locality.loadMetricStats);
    for (const endpoint of locality.upstreamEndpointStats) {
      const address = endpoint.address?.address;
      const port = address?.case === 'socketAddress' ? address.value.portSpecifier.value : '';
      count(`${of} ${port} issued`, endpoint.totalIssuedRequests);
      count(`${of} ${port} ok`, endpoint.totalSuccessfulRequests);
      count(`${of} ${port} error`, endpoint.totalErrorRequests);
      countMetrics(heard, `${stats.clusterName} ${of} ${port}`, endpoint.loadMetricStats);
    }
  }
}

function countMetrics(heard: Heard, of: string, metrics: readonly EndpointLoadMetricStats[]): void {
  for (const { metricName, numRequestsFinishedWithMetric, totalMetricValue } of metrics) {
    const [count, total] = [`${of} ${metricName} count`, `${of} ${metricName} total`];
    heard.set(count, (heard.get(count) ?? 0) + Number(numRequestsFinishedWithMetric));
    heard.set(total, (heard.get(total) ?? 0) + totalMetricValue);
  }
}
