/** Imported first: loggers read their level when they are made, and the SDK warns of old Nodes in every process. */
process.env.POWERTOOLS_LOG_LEVEL = 'SILENT';
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
