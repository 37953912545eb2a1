// peer_crawlee.cjs SEEDS CONNECTIONS: Crawlee's CheerioCrawler, told to be fast, for bench.py.
// Nothing is kept on the disk, no sessions, no retries, as many requests at once as asked for from the
// first on; the log is off. A link that was seen is dropped before it becomes a request (enqueueLinks is slower).
const fs = require('node:fs');
const { CheerioCrawler, Configuration, log } = require('@crawlee/cheerio');

log.setLevel(log.LEVELS.ERROR);
const seeds = fs.readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean);
const connections = Number(process.argv[3]);
const hosts = new Set(seeds.map((url) => new URL(url).host));
const seen = new Set(seeds);
const crawler = new CheerioCrawler({
    minConcurrency: connections,
    maxConcurrency: connections,
    maxRequestRetries: 0,
    useSessionPool: false,
    respectRobotsTxtFile: true,
    statusMessageLoggingInterval: 3600,
    async requestHandler({ $, request }) {
        const found = [];
        $('a[href]').each((_, a) => {
            const url = resolve(a.attribs.href, request.loadedUrl);
            if (!url || !hosts.has(url.host)) return;
            url.hash = '';
            if (seen.has(url.href)) return;
            seen.add(url.href);
            found.push(url.href);
        });
        if (found.length > 0) await crawler.addRequests(found);
    },
}, new Configuration({ persistStorage: false, purgeOnStart: false }));

function resolve(reference, base) {
    try {
        return new URL(reference, base);
    } catch {
        return null; // what a page may hold
    }
}

crawler.run(seeds).then(
    () => process.exit(0),
    (e) => { console.error(e); process.exit(1); },
);
