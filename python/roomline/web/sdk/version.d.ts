/** The version of this SDK, told to the server. */
export declare const VERSION = "0.1.0";
