// Whether the server wants its secret before it answers.
class Session {
  needed = $state(false);
}

export const session = new Session();
