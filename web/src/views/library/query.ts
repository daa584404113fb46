// Edits of a query's text: what a filter adds and takes away. The server alone says what a query means.

/** Words of a query as they are written; quotes keep spaces together and stay. */
export function wordsOf(text: string): string[] {
  return text.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
}

/** Alternatives, which commas part, each of words. */
function groupsOf(text: string): string[][] {
  const groups: string[][] = [[]];
  for (const word of wordsOf(text)) {
    const ends = word.endsWith(",");
    const bare = ends ? word.slice(0, -1) : word;
    if (bare) groups.at(-1)?.push(bare);
    if (ends) groups.push([]);
  }
  return groups;
}

/** An alternative without terms holds always, and so the whole does; written out the server would refuse it. */
function joined(groups: string[][]): string {
  return groups.length > 1 && groups.some((group) => group.length === 0) ? "" : groups.map((group) => group.join(" ")).join(", ");
}

function valuesIn(group: string[], field: string): string[] {
  const found = group.find((word) => word.toLowerCase().startsWith(`${field}:`));
  return found ? found.slice(field.length + 1).replaceAll('"', "").split("|").filter(Boolean) : [];
}

/** Values that a filter on a field has now, in every alternative. */
export function chosen(query: string, field: string): string[] {
  const [first = [], ...rest] = groupsOf(query).map((group) => valuesIn(group, field));
  return first.filter((value) => rest.every((values) => values.includes(value)));
}

/** The query with a value of a field put in or taken out; `many` values may stand beside each other. */
export function toggled(query: string, field: string, value: string, many: boolean): string {
  const on = chosen(query, field).includes(value);
  const changed = groupsOf(query).map((group) => {
    const others = many ? valuesIn(group, field).filter((one) => one !== value) : [];
    const values = on ? others : [...others, value];
    const term = values.length ? [written(field, values.join("|"))] : [];
    const at = group.findIndex((word) => word.toLowerCase().startsWith(`${field}:`));
    return at < 0 ? [...group, ...term] : [...group.slice(0, at), ...term, ...group.slice(at + 1)];
  });
  return joined(changed);
}

/** The query without a filter's term. */
export function without(query: string, field: string): string {
  const groups = groupsOf(query).map((group) => group.filter((word) => !word.toLowerCase().startsWith(`${field}:`)));
  return joined(groups);
}

function written(field: string, value: string): string {
  return /\s/.test(value) ? `${field}:"${value}"` : `${field}:${value}`;
}
