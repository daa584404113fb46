// Files that the page hands to the user.

/** Saves a file under a name made of a title; the name. */
export function save(file: Blob, title: string, ending: string): string {
  const name = `${title.replace(/[\\/:*?"<>|\s\p{Cc}]+/gu, " ").trim().slice(0, 100) || "sideman"}.${ending}`;
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  return name;
}
