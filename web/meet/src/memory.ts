// What the page keeps in the browser: name, devices, language. Browsers that keep nothing for this
// site throw at the mere look; then it is asked again next time.

export function recall(key: string): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Nothing is kept.
  }
}
