// SPDX-License-Identifier: Apache-2.0
// Where the page begins.

import { render } from 'preact';
import { followWantedPlaces } from './actions.ts';
import { App } from './app.tsx';
import { startTheme } from './colours.ts';
import { startKeyboard } from './keyboard.ts';
import { readLink } from './navigation.ts';
import { followNearAccesses } from './near-accesses.ts';
import { followTrace } from './trace-watch.ts';
import { followTracks } from './track-data.ts';

const root = document.getElementById('page');
if (root === null) throw new Error('internal: the page has no root');
startTheme();
render(<App />, root);
startKeyboard();
addEventListener('popstate', readLink);
followTracks();
followNearAccesses();
followWantedPlaces();
void followTrace();
