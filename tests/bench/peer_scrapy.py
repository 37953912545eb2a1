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
    with open(sys.argv[1], encoding="utf-8") as seeds:
        start_urls = seeds.read().split()
    hosts = {urlsplit(url).netloc for url in start_urls}
    seen = set(start_urls)

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
        "TELNETCONSOLE_ENABLED": False,
        "SPIDER_MIDDLEWARES_BASE": {},
        "EXTENSIONS_BASE": {},
        "DOWNLOADER_MIDDLEWARES_BASE": {
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": 100,
            "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": 590,
        },
    }
)
process.crawl(Pages)
process.start()
