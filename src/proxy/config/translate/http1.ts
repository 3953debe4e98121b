// Http1ProtocolOptions: what connections of either side accept and how they write.

import { defaultHttp1Rules, type Http1Rules } from '../../../wire/http1/index.ts';
import { type Faults, type http1Options, join, type MessageOf } from '../schema/index.ts';
import { checkAuthority } from './message-text.ts';

type Message = MessageOf<typeof http1Options> | undefined;

export function translateHttp1Server(message: Message, path: string, faults: Faults): Http1Rules {
  const host = message?.default_host_for_http_10 ?? '';
  if (host !== '') checkAuthority(host, join(path, 'default_host_for_http_10'), faults);
  return {
    http10: message?.accept_http_10 ?? false,
    hostForHttp10: host,
    customMethods: message?.allow_custom_methods ?? false,
    absoluteForm: message?.allow_absolute_url ?? true,
    lengthBesideChunks: message?.allow_chunked_length ?? false,
    properCase: message?.header_key_format?.proper_case_words !== undefined,
    writesAbsoluteForm: false,
  };
}

export function translateHttp1Client(message: Message): Http1Rules {
  return {
    ...defaultHttp1Rules,
    lengthBesideChunks: message?.allow_chunked_length ?? false,
    properCase: message?.header_key_format?.proper_case_words !== undefined,
    writesAbsoluteForm: message?.send_fully_qualified_url ?? false,
  };
}
