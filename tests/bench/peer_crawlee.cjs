// peer_crawlee.cjs SEEDS CONNECTIONS: Crawlee's CheerioCrawler, told to be fast, for bench.py.
// Nothing is kept on the disk, no sessions, no retries, as many requests at once as asked for from the
// first on; the log is off.
const fs = require('node:fs');
const { CheerioCrawler, Configuration, log } = require('@crawlee/cheerio');

log.setLevel(log.LEVELS.ERROR);
const seeds = fs.readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean);
const connections = Number(process.argv[3]);
const crawler = new CheerioCrawler({
    minConcurrency: connections,
    maxConcurrency: connections,
    maxRequestRetries: 0,
    useSessionPool: false,
    respectRobotsTxtFile: true,
    statusMessageLoggingInterval: 3600,
    requestHandlerTimeoutSecs: 60,
    async requestHandler({ enqueueLinks }) {
        await enqueueLinks({ strategy: 'same-hostname' });
    },
}, new Configuration({ persistStorage: false, purgeOnStart: false }));
crawler.run(seeds).then(
    () => process.exit(0),
    (e) => { console.error(e); process.exit(1); },
);
