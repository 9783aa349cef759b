// Makes pages nicer; every page works without it.
import { focusErrorSummary } from "./error-summary.js";
import { paintDagdelen } from "./dagdelen.js";
import { submitOnce } from "./submit-once.js";

focusErrorSummary(document);
paintDagdelen(document);
submitOnce(document);
