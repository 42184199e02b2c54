// SPDX-License-Identifier: Apache-2.0
// Where the page begins.

import { render } from 'preact';
import { followWantedPlaces } from './actions.ts';
import { App } from './app.tsx';
import { startTheme } from './colours.ts';
import { startFocusKeeper } from './focus-keeper.ts';
import { startKeyboard } from './keyboard.ts';
import { followMapWords } from './map-reader.ts';
import { readLink } from './navigation.ts';
import { followNearAccesses } from './near-accesses.ts';
import { followTrace } from './trace-watch.ts';
import { followTracks } from './track-data.ts';

const root = document.getElementById('page');
if (root === null) throw new Error('internal: the page has no root');
startTheme();
render(<App />, root);
startKeyboard();
startFocusKeeper();
addEventListener('popstate', readLink);
followTracks();
followNearAccesses();
followMapWords();
followWantedPlaces();
void followTrace();
