#!/usr/bin/python3
"""peer_scrapy.py SEEDS CONNECTIONS: Scrapy, told to be fast, for bench.py.

Everything that costs and is not needed to follow links is off: cookies, retries, redirects, statistics by
depth, the log.  Nothing is stored.  A link that was seen is dropped before it becomes a request.
"""

import sys
from urllib.parse import urljoin, urlsplit

import scrapy
from scrapy.crawler import CrawlerProcess


class Pages(scrapy.Spider):
    name = "pages"

    def start_requests(self):
        self.seen, self.hosts = set(), set()
        for url in open(sys.argv[1]).read().split():
            self.hosts.add(urlsplit(url).netloc)
            self.seen.add(url)
            yield scrapy.Request(url, dont_filter=True)

    def parse(self, response):
        if not isinstance(response, scrapy.http.TextResponse):
            return
        for href in set(response.xpath("//a/@href").getall()):
            url = urljoin(response.url, href.partition("#")[0])
            if url not in self.seen and urlsplit(url).netloc in self.hosts:
                self.seen.add(url)
                yield scrapy.Request(url, dont_filter=True)


connections = int(sys.argv[2])
process = CrawlerProcess(
    {
        "LOG_ENABLED": False,
        "CONCURRENT_REQUESTS": connections,
        "CONCURRENT_REQUESTS_PER_DOMAIN": connections,
        "DOWNLOAD_DELAY": 0,
        "ROBOTSTXT_OBEY": True,
        "COOKIES_ENABLED": False,
        "RETRY_ENABLED": False,
        "REDIRECT_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "MEMUSAGE_ENABLED": False,
        "REQUEST_FINGERPRINTER_IMPLEMENTATION": "2.7",
        "SPIDER_MIDDLEWARES": {
            "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
            "scrapy.spidermiddlewares.offsite.OffsiteMiddleware": None,
            "scrapy.spidermiddlewares.referer.RefererMiddleware": None,
            "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
        },
        "EXTENSIONS": {"scrapy.extensions.logstats.LogStats": None, "scrapy.extensions.corestats.CoreStats": None},
        "DOWNLOADER_MIDDLEWARES": {"scrapy.downloadermiddlewares.stats.DownloaderStats": None},
    }
)
process.crawl(Pages)
process.start()
