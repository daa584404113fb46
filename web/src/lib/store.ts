// What this browser remembers. Where it is told to keep nothing, asking throws: the page then works without.

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // not kept
  }
}
