// The page's files, held in memory: HTML, style and script. Nothing is fetched from elsewhere, and the page may load
// nothing else.

import { bundlePage, bundleStyle } from './bundle-page.ts' with { type: 'macro' };

const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Weft</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/console/page.css">
</head>
<body>
<div id="page"><noscript>The console needs JavaScript.</noscript></div>
<script type="module" src="/console/page.js"></script>
</body>
</html>
`;

export interface Asset {
  readonly type: string;
  readonly body: string;
}

/** By path. */
export const assets: Readonly<Record<string, Asset>> = {
  '/': { type: 'text/html; charset=utf-8', body: html },
  '/console/page.css': { type: 'text/css; charset=utf-8', body: bundleStyle() },
  '/console/page.js': { type: 'text/javascript; charset=utf-8', body: bundlePage() },
};
