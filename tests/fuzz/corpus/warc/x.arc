filedesc://x.arc 0.0.0.0 20140216050221 text/plain 9
1 0 org


http://a.test/a b 1.2.3.4 20140216050221 text/html 23
HTTP/1.1 200 OK

abcd
