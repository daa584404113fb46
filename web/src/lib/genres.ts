// Colours of the ten genres: each 3:1 or better against the grounds of both themes, so one set serves both.
// A colour is never alone: whatever is drawn with it also has the genre's name.
const COLOURS: Record<string, string> = {
  blues: "#3b78d8",
  classical: "#9467d6",
  country: "#9a7420",
  disco: "#d6459b",
  hiphop: "#cf6420",
  jazz: "#1b8c8c",
  metal: "#7b7f86",
  pop: "#b5607f",
  reggae: "#3f9142",
  rock: "#cf4a3f",
};

/** The colour of a genre; grey for one of a model of the user's own. */
export function genreColour(genre: string): string {
  return COLOURS[genre] ?? "#7b7f86";
}
