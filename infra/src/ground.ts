// What everything else stands on: settings, names, place, the key and the log groups.

import { createKey, type Encryption } from "./encryption";
import { createLogGroups, type LogGroups } from "./logs";
import { findPlace, type Names, namesOf, type Place } from "./names";
import { readStackSettings, type Settings } from "./settings";

export interface Ground {
  readonly settings: Settings;
  readonly names: Names;
  readonly place: Place;
  readonly encryption: Encryption;
  readonly logs: LogGroups;
}

export function layGround(): Ground {
  const settings = readStackSettings();
  const names = namesOf(settings);
  const place = findPlace();
  const encryption = createKey(settings, names, place);
  const logs = createLogGroups(settings, names, place, encryption);
  return { settings, names, place, encryption, logs };
}
