// SPDX-License-Identifier: Apache-2.0
// The viewer's server: HTTP on 127.0.0.1, answers about one trace. What it says to the page is in protocol.ts.

export type { TraceReply } from './protocol.ts';
export type { IndexState } from './session.ts';
export { startViewer, type Viewer, type ViewerOptions } from './viewer.ts';
