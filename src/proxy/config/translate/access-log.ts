// Access logs to what writes them: where to, in which format, which requests.

import { compileJson, compileText, type Format } from '../../../observe/index.ts';
import {
  type accessLog,
  type Faults,
  fileAccessLog,
  type formatString,
  join,
  type MessageOf,
  stderrAccessLog,
  stdoutAccessLog,
  unpack,
} from '../schema/index.ts';
import type { AccessLogConfig, AccessLogOptions } from '../types.ts';
import { translateLogFilter } from './log-filter.ts';
import { translateLogService } from './log-service.ts';

type AccessLogMessage = MessageOf<typeof accessLog>;
type FormatMessage = MessageOf<typeof formatString>;
type FileMessage = MessageOf<typeof fileAccessLog>;

const defaultFormat =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" ' +
  '"%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

const nothing: Format = { format: () => '' };

export function translateAccessLogs(
  logs: readonly AccessLogMessage[],
  path: string,
  faults: Faults,
): readonly AccessLogConfig[] {
  return logs.flatMap(({ typed_config: config, filter }, index) => {
    const at = `${path}[${index}]`;
    if (config === undefined) {
      faults.add(join(at, 'typed_config'), 'must be set');
      return [];
    }
    const target = translateTarget(config, join(at, 'typed_config'), faults);
    if (target === null) return [];
    const admitted = filter === undefined ? null : translateLogFilter(filter, join(at, 'filter'), faults);
    return [{ ...target, filter: admitted }];
  });
}

type Unfiltered<T> = T extends unknown ? Omit<T, 'filter'> : never;
type LogTargetConfig = Unfiltered<AccessLogConfig>;

function translateTarget(
  config: NonNullable<AccessLogMessage['typed_config']>,
  path: string,
  faults: Faults,
): LogTargetConfig | null {
  const file = unpack(config, fileAccessLog);
  if (file !== null)
    return { kind: 'file', path: file.path ?? '', format: translateFileFormat(file, path, faults) };
  const service = translateLogService(config, path, faults);
  if (service !== null) return { kind: 'service', service };
  const at = join(path, 'log_format');
  const stdout = unpack(config, stdoutAccessLog);
  if (stdout !== null)
    return { kind: 'file', path: '/dev/stdout', format: translateLogFormat(stdout.log_format, at, faults) };
  const stderr = unpack(config, stderrAccessLog);
  // An unknown type was refused where it stands.
  if (stderr === null) return null;
  return { kind: 'file', path: '/dev/stderr', format: translateLogFormat(stderr.log_format, at, faults) };
}

function translateFileFormat(file: FileMessage, path: string, faults: Faults): Format {
  if (file.format !== undefined)
    return compiled(
      compileText(file.format || defaultFormat, '-'),
      join(path, 'format'),
      file.format,
      faults,
    );
  const json = file.json_format ?? file.typed_json_format;
  if (json === undefined) return translateLogFormat(file.log_format, join(path, 'log_format'), faults);
  const name = file.json_format === undefined ? 'typed_json_format' : 'json_format';
  return compiled(compileJson(json, false), join(path, name), '', faults);
}

function translateLogFormat(message: FormatMessage | undefined, path: string, faults: Faults): Format {
  if (message === undefined) return compiled(compileText(defaultFormat, '-'), path, '', faults);
  return translateFormat(message, path, faults);
}

/** A format of the configuration's own: of a log, or of a local reply. */
export function translateFormat(message: FormatMessage, path: string, faults: Faults): Format {
  const omit = message.omit_empty_values === true;
  const absent = omit ? '' : '-';
  if (message.json_format !== undefined)
    return compiled(compileJson(message.json_format, omit), join(path, 'json_format'), '', faults);
  if (message.text_format !== undefined)
    return compiled(
      compileText(message.text_format, absent),
      join(path, 'text_format'),
      message.text_format,
      faults,
    );
  const source = message.text_format_source;
  if (source === undefined) {
    faults.add(path, 'one of text_format, json_format, text_format_source must be set');
    return nothing;
  }
  const bytes = source.inline_bytes;
  const text = source.inline_string ?? (bytes === undefined ? '' : new TextDecoder().decode(bytes));
  return compiled(compileText(text, absent), join(path, 'text_format_source'), text, faults);
}

function compiled(
  result: ReturnType<typeof compileText>,
  path: string,
  value: string,
  faults: Faults,
): Format {
  if (result.ok) return result.value;
  faults.add(path, result.error, value === '' ? undefined : value);
  return nothing;
}

interface FlushMessage {
  readonly access_log_flush_interval?: number | undefined;
}

/** The options stand in a message of their own, and in Envoy's older fields beside it. */
export function translateLogOptions(
  options: FlushMessage | undefined,
  older: FlushMessage,
  atStart: { readonly own: boolean | undefined; readonly older: boolean | undefined },
  atTunnel = false,
): AccessLogOptions {
  return {
    atStart: atStart.own ?? atStart.older ?? false,
    atTunnel,
    intervalMs: options?.access_log_flush_interval ?? older.access_log_flush_interval ?? 0,
  };
}
