// Runs before the first paint (a plain, blocking script in <head>), so that a dark page never flashes white.
import { apply, chosen } from "./theme-choice.js";

apply(chosen());
