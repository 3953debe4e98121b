import { expect, test } from 'bun:test';
import type { http2Options, MessageOf } from '../schema/index.ts';
import { translateHttp2 } from './http2.ts';

type Options = MessageOf<typeof http2Options>;

const nothing = { custom_settings_parameters: [] } as unknown as Options;

test('what is not said has Envoy’s defaults', () => {
  expect(translateHttp2(undefined, 100)).toEqual(translateHttp2(nothing, 100));
  expect(translateHttp2(undefined, 100).floods).toEqual({
    outboundFramesMax: 10_000,
    outboundControlFramesMax: 1000,
    emptyFramesInRowMax: 1,
    prioritiesPerStreamMax: 100,
    windowUpdatesPerDataFrameMax: 10,
  });
});

test('floods are bounded as the options say', () => {
  const options = {
    ...nothing,
    max_outbound_frames: 5,
    max_outbound_control_frames: 4,
    max_consecutive_inbound_frames_with_empty_payload: 0,
    max_inbound_priority_frames_per_stream: 0,
    max_inbound_window_update_frames_per_data_frame_sent: 1,
  };
  expect(translateHttp2(options, 100).floods).toEqual({
    outboundFramesMax: 5,
    outboundControlFramesMax: 4,
    emptyFramesInRowMax: 0,
    prioritiesPerStreamMax: 0,
    windowUpdatesPerDataFrameMax: 1,
  });
});

test('settings by number are announced, and those with a name hold', () => {
  const custom = (identifier: number, value: number) => ({ identifier, value });
  const options: Options = {
    ...nothing,
    custom_settings_parameters: [custom(1, 8192), custom(3, 7), custom(4, 70_000), custom(0xabc, 5)],
  };
  const { tableBytesMax, streamsMax, streamWindowBytes, extraSettings } = translateHttp2(options, 100);
  expect([tableBytesMax, streamsMax, streamWindowBytes]).toEqual([8192, 7, 70_000]);
  expect(extraSettings).toEqual([
    [1, 8192],
    [3, 7],
    [4, 70_000],
    [0xabc, 5],
  ]);
});
