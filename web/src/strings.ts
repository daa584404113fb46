// All English of the page. Another language is another such object of the same shape.
export const words = {
  skip: "Skip to content",
  navigation: "Views",
  loading: "Loading…",
  viewFailed: "This view could not be loaded. Is the server still running? Reload the page to try again.",
  theme: "Colours",
  themes: { auto: "As the system", light: "Light", dark: "Dark" },
  views: { listen: "Listen", library: "Library", compose: "Compose", mood: "Mood", lab: "Lab" },
  failed: (status: number) => `The server answered ${status}.`,
  unreachable: "The server cannot be reached. Is `sideman serve` still running?",
  cancel: "Cancel",
  retry: "Try again",
  // Each view keeps to its own section.
  listen: {
    title: "Listen",
  },
  library: {
    title: "Library",
  },
  compose: {
    title: "Compose",
  },
  mood: {
    title: "Music for a mood",
  },
  lab: {
    title: "Lab",
  },
};
