/**
 * The configuration of one process, as it is now. In two steps, so that no process uses a key before each of them knows it:
 * what is prepared is accepted at once, what is in force is used.
 */

/** Another object after each step. */
export interface LiveState<Config> {
  readonly inForce: Config;
  /** What comes next; the one in force where nothing does. */
  readonly next: Config;
}

export interface LiveConfig<Config> {
  readonly state: () => LiveState<Config>;
  /** Has its keys accepted beside those in force. */
  readonly prepare: (next: Config) => void;
  /** Puts it in force, alone. */
  readonly use: (config: Config) => void;
}

/** Makes it, with what the process starts with. */
export function createLiveConfig<Config>(first: Config): LiveConfig<Config> {
  let state: LiveState<Config> = { inForce: first, next: first };
  return {
    state: () => state,
    prepare: (next) => {
      state = { inForce: state.inForce, next };
    },
    use: (config) => {
      state = { inForce: config, next: config };
    },
  };
}
