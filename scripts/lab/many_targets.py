"""Prints a scenario in which a hundred buckets have eight addresses each, all of them S3's and all of them answering."""

print('title = "a hundred buckets with eight addresses each"')
print('topology = "private"')
print('\n[expect]\nstatus = "healthy"\nverdicts = []\nfindings = []')
for number in range(100):
    first = 1 + number * 8
    addresses = [f'"3.5.{1 + (first + step) // 250}.{1 + (first + step) % 250}"' for step in range(8)]
    print(f'\n[[dns.answers]]\nname = "bucket-{number}.s3.us-east-1.amazonaws.com"\naddresses = [{", ".join(addresses)}]')
