export {
  type AdsStream,
  type AdsStreamHandler,
  type AdsTransport,
  type AdsVariant,
  typeUrls,
  type XdsNode,
  type XdsResource,
  type XdsSnapshot,
  type XdsSubscriber,
  type XdsUpdate,
} from './types.ts';
