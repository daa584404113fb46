// Piano rolls of pieces, each fetched once: a card, the large roll and the table show the same one.
import { roll, type Roll } from "../../api/compose";
import { clock } from "../../ui/format";
import { words } from "../../strings";
import { highest, lowest, pitchName } from "./roll";

const MOST = 64;
const kept = new Map<string, Promise<Roll>>();

export function rollOf(job: string, index: number): Promise<Roll> {
  const name = `${job}/${index}`;
  const found = kept.get(name);
  if (found) return found;
  const loading = roll(job, index);
  loading.catch(() => kept.delete(name));
  kept.set(name, loading);
  const oldest = kept.keys().next().value;
  if (kept.size > MOST && oldest !== undefined) kept.delete(oldest);
  return loading;
}

/** A roll in a sentence. */
export function told(roll: Roll): string {
  const say = words.compose;
  const parts = roll.tracks.map((track) =>
    track.is_drum
      ? say.rollDrums(track.name, track.notes.length)
      : say.rollPart(track.name, track.notes.length, pitchName(lowest(track)), pitchName(highest(track))),
  );
  return say.rollTold(parts.join(", "), roll.bars_s.length, clock(roll.duration_s));
}
