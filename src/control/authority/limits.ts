// How long what the control plane's own authority makes is good for, and how it is renewed.

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

export const authorityLimits = {
  /** Certificates are valid from a little earlier, for clocks that are behind. */
  skewMs: 5 * minuteMs,
  /** Of the authority. Its successor is made when a fifth of this is left. */
  authorityMs: 365 * dayMs,
  renewAuthorityMs: 73 * dayMs,
  /** So long a successor is told of before it signs: the kubelet brings it into pods within two minutes or so. */
  announceMs: hourMs,
  /** Of a replica's own certificate, which is made anew when a third of it is left. */
  serverMs: dayMs,
  renewServerMs: 8 * hourMs,
  /** Of the webhook's, which is made anew when a third of it is left, or another authority signs. */
  webhookMs: 30 * dayMs,
  renewWebhookMs: 10 * dayMs,
  /** So long a webhook may still show what it had before: the kubelet takes two minutes or so. */
  settleMs: 10 * minuteMs,
  /** The Secret is read again this often, and until there is one. */
  readMs: 30_000,
  retryMs: 1_000,
  /** Authorities that are trusted at once: the one that signs, its successor, and those before it. */
  rootsMax: 4,
} as const;
