// OrcaLoadReports as bytes, of figures by the names of their fields.

import { WireWriter } from '../../../xds/index.ts';

type Figures = Readonly<Record<string, number | Readonly<Record<string, number>>>>;

const numbers: Readonly<Record<string, number>> = {
  cpu_utilization: 1,
  mem_utilization: 2,
  request_cost: 4,
  utilization: 5,
  rps_fractional: 6,
  eps: 7,
  named_metrics: 8,
  application_utilization: 9,
};

export function encodeReport(figures: Figures): Uint8Array {
  const writer = new WireWriter(64);
  for (const [name, value] of Object.entries(figures)) {
    const number = numbers[name] ?? 0;
    if (typeof value === 'number') writer.double(number, value);
    else for (const [key, entry] of Object.entries(value)) writer.bytes(number, encodeEntry(key, entry));
  }
  return writer.finish();
}

function encodeEntry(key: string, value: number): Uint8Array {
  const writer = new WireWriter(32);
  writer.string(1, key);
  writer.double(2, value);
  return writer.finish();
}

export function base64Report(figures: Figures): string {
  return Buffer.from(encodeReport(figures)).toString('base64');
}
