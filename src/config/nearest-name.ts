/** "Did you mean": the known name that a misspelt one most likely stands for. */

/** @returns the nearest by edit distance when it is near enough to be a slip; null else */
export function nearestName(name: string, known: readonly string[]): string | null {
  let nearest: string | null = null;
  let least = name.length < 5 ? 2 : 3; // exclusive: one slip in a short name, two in a longer one
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate);
    if (distance < least && distance < candidate.length) {
      nearest = candidate;
      least = distance;
    }
  }
  return nearest;
}

/** Levenshtein, with the two rows it needs. Names beyond 40 characters are no slips of ours. */
function editDistance(a: string, b: string): number {
  if (a.length > 40) return Number.POSITIVE_INFINITY;
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
