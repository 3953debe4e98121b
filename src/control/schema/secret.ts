// Secrets with a certificate, and CA bundles. What is in them is judged where they are used (model/certificates.ts), so
// that no fault of theirs ever shows a part of them.

import { z } from 'zod';
import { metadataSchema } from './values.ts';

type Data = Readonly<Record<string, unknown>> | null | undefined;

const data = z.record(z.string(), z.unknown()).nullish().catch(null);

/** A value that is not what it should be is as one that is not there. */
function textIn(data: Data, key: string): string {
  const value = data?.[key];
  return typeof value === 'string' ? value : '';
}

function decodedIn(data: Data, key: string): string {
  return Buffer.from(textIn(data, key), 'base64').toString('utf8');
}

export interface SecretSpec {
  /** PEM; empty: it has none. */
  readonly certificate: string;
  readonly privateKey: string;
  readonly authority: string;
}

export const secretSchema = z
  .object({ metadata: metadataSchema, data, stringData: data })
  .transform(({ metadata, data, stringData }) => {
    // What a file says in plain text wins, as the API server has it.
    const read = (key: string) => textIn(stringData, key) || decodedIn(data, key);
    const spec: SecretSpec = {
      certificate: read('tls.crt'),
      privateKey: read('tls.key'),
      authority: read('ca.crt'),
    };
    return { metadata, spec };
  });

export interface ConfigMapSpec {
  /** PEM; empty: it has none. */
  readonly authority: string;
}

export const configMapSchema = z
  .object({ metadata: metadataSchema, data })
  .transform(({ metadata, data }) => ({
    metadata,
    spec: { authority: textIn(data, 'ca.crt') } as ConfigMapSpec,
  }));
