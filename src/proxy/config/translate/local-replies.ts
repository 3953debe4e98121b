// LocalReplyConfig: which answers of the proxy's own are changed, and how.

import {
  type Faults,
  type formatString,
  type httpConnectionManager,
  join,
  type MessageOf,
} from '../schema/index.ts';
import type { BodyFormat, LocalReplyConfig, LocalReplyMapper } from '../types.ts';
import { translateFormat } from './access-log.ts';
import { translateAdditions } from './header-edits.ts';
import { translateLogFilter } from './log-filter.ts';
import { checkFieldValue } from './message-text.ts';

type Message = NonNullable<MessageOf<typeof httpConnectionManager>['local_reply_config']>;
type MapperMessage = Message['mappers'][number];

export function translateLocalReplies(
  message: Message | undefined,
  path: string,
  faults: Faults,
): LocalReplyConfig | null {
  if (message === undefined) return null;
  return {
    mappers: message.mappers.flatMap((mapper, index) =>
      translateMapper(mapper, `${join(path, 'mappers')}[${index}]`, faults),
    ),
    format: translateBodyFormat(message.body_format, join(path, 'body_format'), faults),
  };
}

function translateMapper(mapper: MapperMessage, path: string, faults: Faults): readonly LocalReplyMapper[] {
  if (mapper.filter === undefined) {
    faults.add(join(path, 'filter'), 'must be set');
    return [];
  }
  const status = mapper.status_code ?? null;
  if (status !== null && (status < 200 || status >= 600))
    faults.add(join(path, 'status_code'), 'must be 200 to 599', status);
  const { inline_bytes: bytes, inline_string: text } = mapper.body ?? {};
  const body = bytes ?? (text === undefined ? null : new TextEncoder().encode(text));
  return [
    {
      filter: translateLogFilter(mapper.filter, join(path, 'filter'), faults),
      status,
      body,
      format: translateBodyFormat(mapper.body_format_override, join(path, 'body_format_override'), faults),
      edits: translateAdditions(mapper.headers_to_add, join(path, 'headers_to_add'), faults),
    },
  ];
}

function translateBodyFormat(
  message: MessageOf<typeof formatString> | undefined,
  path: string,
  faults: Faults,
): BodyFormat | null {
  if (message === undefined) return null;
  const own = message.content_type ?? '';
  checkFieldValue(own, join(path, 'content_type'), faults);
  const usual = message.json_format === undefined ? 'text/plain' : 'application/json';
  return { format: translateFormat(message, path, faults), contentType: own === '' ? usual : own };
}
